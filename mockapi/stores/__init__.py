"""Where responses, counters and script progress are kept: one protocol, several backends."""
