"""The pages a person sees: templates, their style, and how they are sent."""
