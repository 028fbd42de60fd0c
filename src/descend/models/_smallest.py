"""This file refuses images that are too small for a network, before it is built."""

from descend.errors import SettingError
from descend.forms import Form, ImageForm


def require_images(form: Form, network: str, smallest: int) -> ImageForm:
    """The form, when the network can take it. SettingError names the smallest size that works."""
    if not isinstance(form, ImageForm):
        raise SettingError(
            f"network {network!r} takes images, not tables; leave out --model or choose 'mlp'"
        )
    if min(form.height, form.width) < smallest:
        raise SettingError(
            f"network {network!r} needs images of at least {smallest}x{smallest} pixels, these "
            f"are {form.height}x{form.width}; set --image-size {smallest} or choose --model cnn"
        )
    return form
