"""What people decide on a review: one decision a claim, and at most one draft in the EHR that comes of it."""
