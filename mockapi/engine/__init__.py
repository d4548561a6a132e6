"""A response is data plus time: plan, event grammar, timeline. Pure."""
