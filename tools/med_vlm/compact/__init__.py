"""The compact Med-VLM: small enough to ship, trained by the project on phantoms. A demonstrator, never a diagnostic device."""
