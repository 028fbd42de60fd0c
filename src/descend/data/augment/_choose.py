"""This file chooses augmentations by the kind of images."""

from descend.forms import ImageForm

_PHOTO = 64  # shorter side in pixels from which images in color are taken for photos


def default_augmentations(form: ImageForm, classes: int) -> tuple[str, ...]:
    """Names of the entries that suit these images. Never a flip: it can change what is shown."""
    if form.channels == 3 and min(form.height, form.width) >= _PHOTO:
        return ("crop", "scale", "color")
    return ("crop",)


def reason(form: ImageForm) -> str:
    """Why these were chosen, as a clause for the user."""
    size = f"{form.height}x{form.width} images"
    if form.channels == 3 and min(form.height, form.width) >= _PHOTO:
        return f"{size} in color: photos vary in place, distance and light"
    if form.channels == 3:
        return f"small {size} in color: their content varies in place"
    return f"{size} in gray: their content varies in place"
