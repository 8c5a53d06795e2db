"""The hospital that the chart shows: every story's patient in one store, the images on the image server, and the clinicians."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.chart.documents import is_image_file
from sandbox.chart.staff import practitioners
from sandbox.ehr.config import Config
from sandbox.ehr.dicomweb.endpoint import name_images
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.store import Store
from sandbox.patients.hospital import image_file
from sandbox.patients.story import Story, StoryImage


def ward(
    told: Iterable[Story],
    origin: str,
    config: Config,
    *,
    file_of: Callable[[StoryImage], bytes] = image_file,
) -> Hospital:
    """A hospital that stands at `origin` with everybody of some stories.

    Images are on the DICOMweb server alone: the documents by which the stories' files name them are left out.
    """
    store, admitted = Store(practitioners()), tuple(told)
    for story in admitted:
        store.load(resource for resource in story.resources if not is_image_file(resource))
    hospital = Hospital(store, config)
    for image in (image for story in admitted for image in story.images):
        hospital.images.add(file_of(image))
    hospital.move_to(origin)
    name_images(hospital)
    return hospital
