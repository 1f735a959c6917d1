"""TokenMill: a self-hosted model API platform."""
