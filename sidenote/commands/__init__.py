"""One file a command. A command parses, calls and renders; it holds no logic of its own."""
