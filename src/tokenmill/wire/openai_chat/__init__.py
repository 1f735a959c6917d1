"""OpenAI's chat completions, with the extensions of MiMo and of the common open servers."""
