"""From a question and a study to the facts that matter, within a token budget; what did not fit is counted and said."""
