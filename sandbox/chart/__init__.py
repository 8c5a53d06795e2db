"""The chart of the pretend hospital: a patient list, a chart page, and the panel in which apps are launched. Nobody in it is real."""
