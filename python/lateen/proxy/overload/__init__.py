"""The overload manager at work: it watches resources, and tells the workers what to shed."""
