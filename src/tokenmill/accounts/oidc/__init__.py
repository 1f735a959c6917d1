"""Sign-in by an OpenID Connect provider: the way there and back, its tokens, and whose identity is whose."""
