"""The images the model learns from and is measured on, phantoms and radiographs, and the store that keeps them as the network sees them."""
