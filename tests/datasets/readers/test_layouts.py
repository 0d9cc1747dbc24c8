"""Layouts that the world has: read as what they are, or refused, never learnt as classes."""

import os

import pytest

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.preparation.listing import list_images
from platform.datasets.preparation.prepare import inspect
from platform.datasets.tables.folder_layout import split_folders


def listing(source, **fields):
    return list_images(DataConfig.model_validate({"source": str(source), **fields}))


@pytest.fixture
def make_layout(tmp_path, save_image):
    """``make_layout("train/cat", …)``: two images in each folder."""

    def make(*folders):
        for folder in folders:
            for number in range(2):
                save_image(tmp_path / folder / f"{number}.png", seed=number)
        return tmp_path

    return make


def of_splits(*splits, inside=""):
    return [
        f"{split}/{inside.format(split)}/{name}".replace("//", "/")
        for split in splits
        for name in ("cat", "dog")
    ]


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (["training", "testing"], ["train", "test"]),
        (["training_set", "test_set"], ["train", "test"]),
        (["trainset", "valset", "testset"], ["train", "val", "test"]),
        (["seg_train", "seg_test"], ["train", "test"]),
        (["cars_train", "cars_test"], ["train", "test"]),
        (["train_images", "val_images"], ["train", "val"]),
        (["Train", "EVAL"], ["train", "val"]),
        (["train", "dev", "test"], ["train", "val", "test"]),
        (["train2017", "val2017"], ["train", "val"]),
    ],
)
def test_splits_under_other_names_are_read_as_splits(make_layout, folders, splits):
    source = make_layout(*of_splits(*folders))
    summary = inspect(DataConfig(source=str(source)))
    assert summary.classes == ("cat", "dog")
    rows = listing(source).rows
    found = {path.split("/")[0]: split for path, split in zip(rows["path"], rows["split"], strict=True)}
    assert found == dict(zip(folders, splits, strict=True))
    said = summary.remarks.read_as_splits
    assert said == {name: found[name] for name in folders if name.lower() not in ("train", "val", "test")}


def test_a_split_folder_may_hold_one_of_its_own_name(make_layout):
    source = make_layout(*of_splits("seg_train", "seg_test", inside="{}"))
    summary = inspect(DataConfig(source=str(source)))
    assert summary.classes == ("cat", "dog") and summary.rows["test"] == 4


@pytest.mark.parametrize(
    "folders",
    [["speed_train", "other_test"], ["trained", "tested"], ["test", "val"], ["bus", "train"], ["my_train"]],
)
def test_folders_that_are_no_splits(folders):
    assert split_folders(folders) == {}


@pytest.mark.parametrize(
    "folders",
    [
        of_splits("fold0", "fold1"),
        of_splits("train", "holdout"),
        of_splits("test", "val"),
        of_splits("train", "test", "unlabeled"),
    ],
)
def test_folds_and_unknown_splits_are_refused_by_name(make_layout, folders):
    with pytest.raises(DataError) as refused:
        listing(make_layout(*folders))
    assert folders[0].split("/")[0] in str(refused.value) and "CSV" in str(refused.value)


def test_a_folder_around_everything_and_annotations_beside_it(make_layout):
    source = make_layout("set/images/cat", "set/images/dog", "set/annotations/trimaps")
    summary = inspect(DataConfig(source=str(source)))
    assert summary.classes == ("cat", "dog")
    assert summary.remarks.folders_passed_over == {"annotations": 2}
    assert "Everything is read below set/images/." in summary.remarks.sentences()


def test_flat_images_beside_annotations_are_refused(make_layout):
    with pytest.raises(DataError, match="images without class folders beside annotations"):
        listing(make_layout("images", "annotations/trimaps"))


def test_classes_that_hold_folders_only_are_said(make_layout):
    remarks = listing(make_layout("cat/front", "cat/back", "dog/front", "dog/back", "cow")).remarks
    assert remarks.folders_of_folders == {"cat": ("back", "front"), "dog": ("back", "front")}
    assert "2 classes hold folders only, such as cat/ with back, front" in remarks.sentences()[0]


def test_images_of_splits_without_class_folders_are_refused_with_their_table(make_layout):
    source = make_layout("train", "test")
    (source / "answers.csv").write_text("a,b\n")
    with pytest.raises(DataError, match=r"not in a class's folder.*answers\.csv"):
        listing(source)


@pytest.mark.parametrize("ending", ["", ".png"])
@pytest.mark.parametrize("folder", ["train_images", "train", "images"])
def test_kaggles_table_of_names(make_layout, folder, ending):
    source = make_layout(folder, "test_images")
    (source / "train.csv").write_text(f"image_id,breed\n0{ending},pug\n1{ending},chow\n")
    (source / "test.csv").write_text("image_id\n5\n")
    found = listing(source, label="breed")
    assert found.reader == "named_images"
    assert found.rows[["path", "label"]].values.tolist() == [
        [f"{folder}/0.png", "pug"],
        [f"{folder}/1.png", "chow"],
    ]
    assert found.remarks.folders_passed_over == {"test_images": 2}
    with pytest.raises(DataError, match="no column 'label'; it has image_id, breed"):
        listing(source)


def test_a_table_beside_class_folders_is_said(make_layout):
    source = make_layout("train/cat", "train/dog")
    (source / "train.csv").write_text("image_id,label\n0,1\n")
    found = listing(source)
    assert found.reader == "class_folders" and found.remarks.tables_passed_over == ("train.csv",)


def shots(folder, people, save_image):
    for person in people:
        for camera in (1, 2):
            save_image(folder / f"{person:04}_c{camera}_0.png")


@pytest.mark.parametrize(
    "names",
    [("image_train", "image_query", "image_test"), ("Train", "Query", "Gallery"), ("train", "query", "test")],
)
def test_folders_of_reidentification_under_other_names(tmp_path, save_image, names):
    for name, people in zip(names, (range(4), range(4, 6), range(4, 6)), strict=True):
        shots(tmp_path / name, people, save_image)
    rows = listing(tmp_path, identities={}).rows
    said = listing(tmp_path, identities={}).remarks.read_as_splits
    assert set(said) == {name for name in names if name.lower() not in ("train", "query", "gallery")}
    roles = dict(zip(rows["path"].str.split("/").str[0], rows["role"], strict=True))
    assert roles == dict(zip(names, ("", "query", "gallery"), strict=True))
    with pytest.raises(DataError, match="data.identities"):
        listing(tmp_path)


def test_train_and_test_without_queries_are_not_both_learnt_from(tmp_path, save_image):
    shots(tmp_path / "train", range(4), save_image)
    shots(tmp_path / "test", range(4, 6), save_image)
    with pytest.raises(DataError, match="test/ and train/, but no query/ and gallery/.*/train alone"):
        listing(tmp_path, identities={})


def test_classes_and_splits_that_are_links_to_one_folder_are_each_there(tmp_path, make_classes):
    make_classes(tmp_path / "data", {"dog": 3})
    make_classes(tmp_path, {"pool": 4})
    for name in ("cat", "kitten"):
        (tmp_path / "data" / name).symlink_to("../pool")
    found = listing(tmp_path / "data")
    assert found.rows["label"].value_counts().to_dict() == {"cat": 4, "kitten": 4, "dog": 3}
    assert found.remarks.same_folders == (("cat", "kitten"),)
    make_classes(tmp_path / "splits" / "train", {"x": 2, "y": 2})
    (tmp_path / "splits" / "val").symlink_to("train")
    assert inspect(DataConfig(source=str(tmp_path / "splits"))).rows == {"train": 4, "val": 4}


@pytest.mark.parametrize("name", [b"caf\xe9/000.png", b"cat/caf\xe9.png"])
def test_names_that_are_not_utf_8_are_refused_by_name(tmp_path, make_classes, name):
    make_classes(tmp_path, {"cat": 2, "dog": 2})
    file = os.path.join(os.fsencode(tmp_path), name)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    os.link(tmp_path / "cat" / "000.png", file)
    with pytest.raises(DataError, match=r"1 image has a name not in UTF-8, such as b'.*caf\\xe9.*convmv"):
        listing(tmp_path)


def test_chinese_names_are_classes(tmp_path, make_classes):
    make_classes(tmp_path, {"\u732b": 2, "\u72d7": 2})
    assert inspect(DataConfig(source=str(tmp_path))).classes == ("\u72d7", "\u732b")


def test_a_class_called_like_a_split_is_said(make_layout):
    remarks = listing(make_layout("bus", "train", "car")).remarks
    assert remarks.classes_like_splits == ("train",)
    assert "The class train has the name of a split; it is learnt as a class." in remarks.sentences()


def test_a_link_to_no_folder_is_called_one(make_layout):
    source = make_layout("cat", "dog")
    (source / "cow").symlink_to("barn")
    [over] = listing(source).remarks.passed_over
    assert (over.path, over.reason) == ("cow", "unreadable: a link to barn, which is not there")
