"""One request's life, stage by stage."""
