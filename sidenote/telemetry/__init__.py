"""What a running door tells of itself: logs of allowed fields and counts. Neither ever holds anything of a patient."""
