"""In words, what became of the image model."""

from __future__ import annotations

from agent.review import ReadingMode, Review

READING_WORDS: dict[ReadingMode, str] = {
    "read": "The image was read",
    "abstained": "The image model abstained",
    "refused": "The image was not given to the image model",
    "off": "The image model was not asked, for the reason given under “Not available”; the review rests on the record alone",
    "withheld": "A policy withholds what the image model read",
    "none": "There was no image to read",
}


def reading_words(review: Review) -> str:
    """One or two sentences: what the model read, or that it did not, and why where it said so itself."""
    reading = review.reading
    if review.reading_mode == "read" and reading is not None:
        return (
            f"{reading.model} read the image. Its findings are a demonstrator's; its card says on what it was trained and how well it did."
        )
    said = READING_WORDS[review.reading_mode]
    return f"{said}: {reading.reason}." if reading and reading.reason else f"{said}."
