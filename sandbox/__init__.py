"""A pretend hospital: synthetic patients, phantom radiographs and their reports. Nobody in it is real."""
