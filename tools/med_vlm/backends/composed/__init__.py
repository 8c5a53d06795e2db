"""Models that no loader reads as they are published: their parts are, and what joins the parts is written here."""
