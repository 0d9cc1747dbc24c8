from platform.datasets.remarks import PassedOver, Remarks


def test_nothing_is_said_of_data_without_a_surprise():
    assert Remarks().sentences() == []


def test_passed_over_files_are_counted_by_ending_and_reason():
    heic = [PassedOver(f"{number}.HEIC", ".heic", "HEIC without a decoder", True) for number in range(10)]
    others = [PassedOver("a", "", "no image"), PassedOver("b", "", "no image")]
    remarks = Remarks(passed_over=(*heic, *others))
    assert remarks.passed_over_by_ending == {".heic": 10, "": 2}
    assert remarks.sentences() == [
        "12 files were passed over: 10 .heic, 2 without an ending. "
        "Reasons: HEIC without a decoder (10); no image (2)."
    ]


def test_of_many_endings_the_most_frequent_are_named():
    files = [PassedOver("x", f".e{kind}", "no image") for kind in range(6) for _ in range(6 - kind)]
    assert (
        "6 .e0, 5 .e1, 4 .e2, 3 .e3 and 3 more. Reason: no image."
        in Remarks(passed_over=tuple(files)).sentences()[0]
    )


def test_every_fact_is_said_in_one_sentence():
    remarks = Remarks(
        read_as_splits={"training_set": "train"},
        told_by_content={"": 2},
        folders_without_images=("bird",),
        missing=("a/1.jpg",),
        look_alike_labels=(("cat", "cat "),),
        classes_without_images=("c",),
        used_bits=12,
    )
    said = remarks.sentences()
    assert len(said) == 7 and all(sentence.endswith(".") for sentence in said)
    assert "training_set/ as train" in said[0] and "'cat', 'cat '" in " ".join(said)
