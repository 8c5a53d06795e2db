"""What models write, in the forms they write it, made into one `Report`."""
