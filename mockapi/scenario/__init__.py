"""Scenario files: the model, the loader, matching, templates, and replies turned into items. Pure."""
