"""A finished review as the sidebar shows it: pure functions from `agent.graph.Finished` to the models of `sidenote.web.wire.view`."""
