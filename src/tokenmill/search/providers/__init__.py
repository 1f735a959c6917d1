"""The search providers that ship: who is asked, and how each writes its answers."""
