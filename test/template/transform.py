"""Writes what AWS makes of template.yaml: the transformed template, for checkov.

checkov looks at AWS::Lambda::Function and friends, which a SAM template does not
have yet. Usage: python test/template/transform.py template.yaml > out.json
(with the Python that the SAM command line is installed in).
"""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """Every role in the template is written out, so no managed policy has to be looked up."""

    def load(self):
        return {}


def main(path):
    with open(path) as file:
        template = yaml_parse(file.read())
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        # Local paths become addresses when a template is packaged.
        for field in ("CodeUri", "DefinitionUri"):
            if field in properties:
                properties[field] = f"s3://packaged/{name}"
    defaults = {name: p.get("Default", "given") for name, p in template["Parameters"].items()}
    metadata = {name: r["Metadata"] for name, r in template["Resources"].items() if "Metadata" in r}
    result = transform(template, defaults, NoManagedPolicies())
    # The transform drops the metadata of what it rewrites, and the waivers are kept there.
    for name, data in metadata.items():
        result["Resources"][name].setdefault("Metadata", {}).update(data)
    json.dump(result, sys.stdout, indent=1)


main(sys.argv[1])
