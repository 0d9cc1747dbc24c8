import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from platform.methods import SECTIONS, MethodConfig, build_method, method_names

ROOT = Path(__file__).parents[2]
CONFIG = TypeAdapter(MethodConfig)


def test_the_files_are_the_methods():
    files = sorted(path.stem for path in (ROOT / "platform" / "methods").glob("[!_]*.py"))
    assert list(method_names()) == files
    assert {"cross_entropy", "peer"} <= set(files)


def test_a_new_file_is_found_without_another_line(tmp_path):
    shutil.copytree(ROOT / "platform", tmp_path / "platform", ignore=shutil.ignore_patterns("__pycache__"))
    methods = tmp_path / "platform" / "methods"
    shutil.copy(methods / "cross_entropy.py", methods / "my_method.py")
    code = (
        "from pydantic import TypeAdapter; from platform.methods import MethodConfig; "
        'print(TypeAdapter(MethodConfig).validate_json(\'{"name": "my_method"}\').name)'
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert printed.stdout == "my_method\n"


def test_importing_them_leaves_heavy_packages_alone():
    heavy = {"timm", "torchvision", "mlflow", "ray", "sklearn"}
    code = f"import platform.methods, sys; print(sorted({heavy} & set(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout == "[]\n"


@pytest.mark.parametrize("name", method_names())
def test_a_section_survives_dumping_and_pickling(name):
    section = CONFIG.validate_json(f'{{"name": "{name}"}}')
    assert section == SECTIONS[name].model_validate({})
    assert section.name == name
    assert CONFIG.validate_json(section.model_dump_json()) == section
    assert CONFIG.validate_python(section.model_dump()) == section
    assert pickle.loads(pickle.dumps(section)) == section
    assert section.networks in (1, 2)
    assert section.takes_soft_labels in (True, False)
    assert all(field.description for field in type(section).model_fields.values())


def test_build_method_gives_the_file_its_section():
    section = CONFIG.validate_python({"name": "peer", "drop_rate": 0.2})
    method = build_method(section, torch.tensor([3, 4]))
    assert type(method).__module__ == "platform.methods.peer"
    assert method.config.drop_rate == 0.2


@pytest.mark.parametrize(
    ("wrong", "location", "kind"),
    [
        ({"name": "pear"}, (), "union_tag_invalid"),
        ({}, (), "union_tag_not_found"),
        ({"name": "peer", "drop_rate": 1.0}, ("peer", "drop_rate"), "less_than"),
        ({"name": "peer", "ramp_epochs": -1}, ("peer", "ramp_epochs"), "greater_than_equal"),
        ({"name": "peer", "drop": 0.5}, ("peer", "drop"), "extra_forbidden"),
        ({"name": "cross_entropy", "drop_rate": 0.5}, ("cross_entropy", "drop_rate"), "extra_forbidden"),
    ],
)
def test_errors_say_where(wrong, location, kind):
    with pytest.raises(ValidationError) as raised:
        CONFIG.validate_python(wrong)
    (error,) = raised.value.errors()
    assert (error["loc"], error["type"]) == (location, kind)
