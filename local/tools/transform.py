"""Print the CloudFormation template that a SAM template stands for, as AWS would deploy it.

Used by "make check", so that the rules of checkov see the roles, permissions and functions that the
SAM transform makes. Usage: transform.py template.yaml
"""

import sys

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse


class ManagedPolicies:
    """Stands in for the list of AWS's managed policies, which only an account can give."""

    def load(self):
        return {}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    # Parameters keep their defaults, as in a first deployment.
    parameters = {name: value["Default"] for name, value in template["Parameters"].items() if "Default" in value}
    validator = SamTemplateValidator(template, ManagedPolicies(), region="us-east-1", parameter_overrides=parameters)
    print(validator.get_translated_template_if_valid())


if __name__ == "__main__":
    main()
