"""What goes over the wire and nothing else: requests, objects, items, events, ids. Pure."""
