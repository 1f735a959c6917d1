"""OpenAI's Responses: items in, semantic events out; function, custom, namespaced and search tools."""
