"""Translates between bytes on the wire and canonical values, one folder per protocol, without any I/O."""
