"""The templates of configuration files, beside this file."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: object) -> str:
    """A template, filled in: what is not given is a mistake of ours and raises."""
    environment = Environment(
        loader=PackageLoader("opendmm.routers", ""),
        autoescape=False,  # no markup, but the daemons' own languages
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)
