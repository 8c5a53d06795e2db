"""Back ends: ways to run a model that looks at images. None knows of findings or patients; each is imported only when it is asked for."""
