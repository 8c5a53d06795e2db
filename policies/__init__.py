"""What may be said: evidence, claims, grounding and the rules. Reaches no network, no model and no GPU library."""
