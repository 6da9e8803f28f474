"""Reads config/topics.yaml: what campaigns are about, for people to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from clm.domain.campaign import Campaign
from clm.domain.naming import Locale, Name
from clm.domain.nearest import nearest
from clm.domain.wish import Topic, TopicWords
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import YamlFile

TOPICS_MAX = 20


class TopicsFile(BaseModel):
    """config/topics.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topics: dict[Name, dict[Locale, TopicWords]] = Field(max_length=TOPICS_MAX)


def load_topics(folder: Path, locales: Iterable[str]) -> dict[str, Topic]:
    """The topics under `folder` by name, in the file's order; none where there is no topics.yaml.

    Raises ConfigurationError listing every fault; a topic has words in each of `locales`.
    """
    path = folder / "topics.yaml"
    if not path.exists():
        return {}
    file = YamlFile(path)
    read = file.validate(TopicsFile).topics
    faults = [
        file.fault(("topics", name), f"has no words in `{locale}`; write `{locale}: {{name: …, about: …}}`")
        for name, words in read.items()
        for locale in locales
        if locale not in words
    ]
    if faults:
        raise ConfigurationError(faults)
    return {name: Topic(name, words) for name, words in read.items()}


def unknown_topics(folder: Path, campaigns: Iterable[Campaign], topics: Mapping[str, Topic]) -> list[Fault]:
    """Campaigns in `folder` that are about something that nobody can choose."""
    known = f"(known: {', '.join(topics)})" if topics else "(config/topics.yaml has none)"
    return [
        YamlFile(folder / f"{one.campaign}.yaml").fault(
            ("topic",), f"there is no topic `{one.topic}`{nearest(one.topic, topics)} {known}"
        )
        for one in campaigns
        if one.topic is not None and one.topic not in topics
    ]
