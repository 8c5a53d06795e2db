"""The pretend hospital's SMART authorization server (SMART App Launch 2.2.0, RFC 6749, 7523, 7636, 7662)."""
