"""This file holds every augmentation to the contract of its catalog."""

import pytest
import torch

from descend.data.augment._choose import default_augmentations, reason
from descend.data.augment._step import (
    AUGMENTATIONS,
    STAGES,
    Step,
    apply_all,
    draw_all,
    prepare_steps,
)
from descend.errors import SettingError
from descend.forms import ImageForm
from descend.settings import Settings

ENTRIES = AUGMENTATIONS.names
FORMS = [ImageForm(1, 8, 8), ImageForm(3, 12, 20)]


def images_of(form: ImageForm, count: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(count, form.channels, form.height, form.width, generator=generator)


def changed(step: Step, images: torch.Tensor, seed: int = 1) -> torch.Tensor:
    form = ImageForm(*images.shape[1:])
    drawn = draw_all([step], len(images), form, torch.Generator().manual_seed(seed))
    result = apply_all(images, drawn)
    if step.stage == "mix":
        own = drawn[-1][1]
        result = step.entry.mix(result, result[own["partner"]], own, step.settings)
    return result


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", ENTRIES)
def test_shape_type_and_range_are_kept(name: str, form: ImageForm) -> None:
    (step,) = prepare_steps([name], {})
    before = images_of(form)
    after = changed(step, before)
    assert after.shape == before.shape
    assert after.dtype == before.dtype
    assert after.min() >= 0 and after.max() <= 1


@pytest.mark.parametrize("name", ENTRIES)
def test_equal_seeds_change_equally_and_the_input_is_left_alone(name: str) -> None:
    (step,) = prepare_steps([name], {})
    before = images_of(FORMS[1])
    copy = before.clone()
    assert torch.equal(changed(step, before), changed(step, before))
    assert torch.equal(before, copy)


@pytest.mark.parametrize("name", ENTRIES)
def test_something_is_changed_by_default(name: str) -> None:
    (step,) = prepare_steps([name], {})
    before = images_of(FORMS[1])
    assert any(not torch.allclose(changed(step, before, seed), before) for seed in range(5))


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", ENTRIES)
def test_strength_zero_changes_nothing(name: str, form: ImageForm) -> None:
    entry = AUGMENTATIONS.load(name)
    before = images_of(form)
    after = changed(Step(name, entry, entry.OFF), before)
    assert torch.allclose(after, before, atol=1e-5)


@pytest.mark.parametrize("name", ENTRIES)
def test_each_parameter_has_one_value_per_image(name: str) -> None:
    (step,) = prepare_steps([name], {})
    drawn = step.draw(5, FORMS[1], torch.Generator().manual_seed(0))
    assert drawn and all(len(values) == 5 for values in drawn.values())


@pytest.mark.parametrize("name", ENTRIES)
def test_an_image_is_changed_alike_whatever_else_is_in_the_batch(name: str) -> None:
    (step,) = prepare_steps([name], {})
    if step.stage == "mix":
        pytest.skip("mixing depends on the partner by its nature")
    before = images_of(FORMS[1])
    drawn = draw_all([step], 6, FORMS[1], torch.Generator().manual_seed(2))
    part = [(step, {key: value[2:4] for key, value in drawn[0][1].items()})]
    torch.testing.assert_close(apply_all(before, drawn)[2:4], apply_all(before[2:4], part))


def test_settings_of_different_entries_have_different_names() -> None:
    seen: dict[str, str] = {}
    for name in ENTRIES:
        settings: type[Settings] = AUGMENTATIONS.load(name).Settings
        for field in settings.model_fields:
            assert field not in seen, f"{name} and {seen[field]} share {field}"
            seen[field] = name


def test_steps_run_in_the_order_of_their_stages_and_once_each() -> None:
    steps = prepare_steps(["mixup", "cutout", "rotation", "crop", "crop"], {"crop_padding": 2})
    assert [step.name for step in steps] == ["crop", "rotation", "cutout", "mixup"]
    assert [STAGES.index(step.stage) for step in steps] == [0, 1, 3, 4]


def test_an_unknown_augmentation_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="did you mean 'rotation'"):
        prepare_steps(["rotaton"], {})


def test_an_impossible_strength_is_refused() -> None:
    with pytest.raises(SettingError, match="crop_padding"):
        prepare_steps(["crop"], {"crop_padding": -1})


def test_two_warps_share_one_resampling_and_a_half_turn_twice_is_none() -> None:
    images = images_of(FORMS[1])
    (rotation,) = prepare_steps(["rotation"], {"rotation_degrees": 180})
    turn = {"radians": torch.full((6,), torch.pi)}
    torch.testing.assert_close(apply_all(images, [(rotation, turn)]), images.flip(2, 3))
    torch.testing.assert_close(apply_all(images, [(rotation, turn)] * 2), images)


def test_a_quarter_turn_does_not_shear_an_image_that_is_not_square() -> None:
    images = torch.zeros(1, 1, 9, 15)
    images[:, :, 4, 3:12] = 1  # a horizontal bar through the center
    (rotation,) = prepare_steps(["rotation"], {})
    turned = apply_all(images, [(rotation, {"radians": torch.tensor([torch.pi / 2])})])
    assert turned[0, 0, :, 7].min() > 0.99  # upright now, as long as the image is high
    assert turned.sum() < 9.01


def test_mixing_entries_alternate_within_a_run() -> None:
    steps = prepare_steps(["mixup", "cutmix"], {})
    used = {
        draw_all(steps, 4, FORMS[0], torch.Generator().manual_seed(seed))[-1][0].name
        for seed in range(20)
    }
    assert used == {"mixup", "cutmix"}


def test_no_flip_is_chosen_by_default_and_photos_get_more_than_small_images() -> None:
    photo, small = ImageForm(3, 128, 128), ImageForm(1, 8, 8)
    assert "flip" not in default_augmentations(photo, 2) + default_augmentations(small, 10)
    assert set(default_augmentations(small, 10)) < set(default_augmentations(photo, 2))
    assert "photos" in reason(photo) and "8x8" in reason(small)
    assert set(default_augmentations(photo, 2)) <= set(ENTRIES)
