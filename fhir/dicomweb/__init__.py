"""DICOMweb (DICOM PS3.18): which studies a server holds (QIDO-RS), and their metadata, files, frames and pictures (WADO-RS)."""
