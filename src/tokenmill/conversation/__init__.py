"""The canonical language: what any protocol can ask and any model can answer."""
