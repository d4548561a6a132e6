"""A scenario file as a text that can be uploaded: what stands beside it comes along."""

from pathlib import Path

from mockapi.errors import ScenarioError
from mockapi.scenario.load import load_file, load_text
from mockapi.scenario.pictures import with_pictures
from mockapi.scenario.source import read_source
from mockapi.wire.json import dumps

__all__ = ["portable"]


def portable(path: Path) -> tuple[str, str]:
    """(its name, its text): as written, unless pictures of its folder must be put in. `ScenarioError` for a broken file."""
    name, text = load_file(path).name, path.read_text("utf-8")
    try:
        load_text(text, name)
    except ScenarioError:  # a text has no folder
        return name, _filled(path)
    return name, text


def _filled(path: Path) -> str:
    data = read_source(path).data
    scenario = dict(data) if isinstance(data, dict) else {}
    scenario["steps"] = [
        {**step, "reply": with_pictures(step["reply"], path.parent)} if step.get("reply") is not None else step
        for step in scenario["steps"]
    ]
    for kind in ("conversations", "responses"):
        seeds = scenario.get(kind) or {}
        scenario[kind] = {
            seed_id: {key: value if key == "metadata" else with_pictures(value, path.parent) for key, value in seed.items()}
            for seed_id, seed in seeds.items()
        }
    return dumps(scenario).decode()
