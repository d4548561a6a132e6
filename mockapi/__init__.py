"""mockapi: a local mock server that emulates OpenAI's Responses and Conversations APIs."""

__all__ = ["__version__"]

__version__ = "0.1.0"
