"""bind: the patient, the moment and the question are fixed. Nothing later can change the patient."""

from __future__ import annotations

from agent.blobs import canonical, sha256
from agent.request import ReviewRequest


def request_blob(request: ReviewRequest) -> bytes:
    """The request as it is recorded. Images are named by their hash or their place in the list, never by a file name."""
    images = [sha256(image) if isinstance(image, bytes) else f"file {n}" for n, image in enumerate(request.images, start=1)]
    return canonical(
        {
            "review_id": request.review_id,
            "patient": request.patient,
            "as_of": request.as_of.isoformat(),
            "study": request.study,
            "question": request.question,
            "images": images,
            "image_model": request.image_model,
        }
    )
