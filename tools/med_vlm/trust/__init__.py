"""What of a reading may be believed: the input gate, calibration on labelled images, the image-reliance probe, and what to expect."""
