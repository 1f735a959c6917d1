"""Proofs that take long: `make proof`; a small form of each is among the tests."""
