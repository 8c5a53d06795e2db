"""The door for a person beside the chart: a SMART launch, a session of one patient, a sidebar. Parse, call, render."""
