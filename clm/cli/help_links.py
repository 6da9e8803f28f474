"""Where the answers of config/help.yaml lead: letters show these links as they are."""

from __future__ import annotations

from urllib.parse import urlsplit

from clm.engine.blocks import may_lead_to
from clm.engine.proofreading import link_hosts
from clm.engine.workspace import Project
from clm.errors import Fault
from clm.settings import Settings
from clm.yaml_file import YamlFile


def foreign_help(project: Project, settings: Settings) -> list[Fault]:
    """Each answer that leads to a site that is not the brand's, as those of another brand do under a new name."""
    hosts = link_hosts(project.brand, settings.public_url)
    told = {
        place: found
        for place, answer in enumerate(project.configuration.help)
        if answer.url is not None and (found := _foreign(answer.url, hosts))
    }
    if not told:
        return []
    file = YamlFile(settings.config / "help.yaml")
    return [file.fault(("help", place, "url"), found) for place, found in told.items()]


def _foreign(url: str, hosts: frozenset[str]) -> str | None:
    try:
        if may_lead_to(url, hosts):
            return None
        site = urlsplit(url).hostname
    except ValueError:  # as of https://[tea
        return f"`{url}` is no address of a page; write one such as https://www.example.com/guides"
    remedy = "if it is meant, add it to `link_hosts` of config/brand.yaml"
    return f"leads to {site}, which is neither the brand's nor ours; {remedy}"
