"""Tools that know no product: faults, ids, clock, money, secrets, telemetry."""
