"""Opens exported files with msoffcrypto-tool and openpyxl, or pyzipper.

Standard input is a list of {"path", "passphrase"}; standard output a list with
one answer each: {"tables": [{"name", "rows"}], "digest"} or {"error"}.
"""

import csv
import hashlib
import io
import json
import sys

import msoffcrypto
import openpyxl
import pyzipper
from openpyxl.utils.escape import unescape

csv.field_size_limit(1 << 30)


def text(cell):
    """What Excel shows of a cell; openpyxl leaves _xHHHH_ to its callers."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        if cell.data_type != "s" and cell.data_type != "inlineStr":
            raise ValueError(f"{cell.coordinate} is no text but {cell.data_type}")
        return unescape(value)
    if cell.is_date:
        shape = "%Y-%m-%d"
        if "hh" in cell.number_format:
            shape += "T%H:%M:%S" if "ss" in cell.number_format else "T%H:%M"
        return value.strftime(shape)
    return str(value)


def workbook(path, passphrase):
    plain = io.BytesIO()
    with open(path, "rb") as file:
        office = msoffcrypto.OfficeFile(file)
        office.load_key(password=passphrase, verify_password=True)
        office.decrypt(plain, verify_integrity=True)
    book = openpyxl.load_workbook(plain)
    tables = [{"name": sheet.title, "rows": [[text(c) for c in row] for row in sheet.iter_rows()]} for sheet in book]
    return tables, hashlib.sha256(plain.getvalue()).hexdigest()


def archive(path, passphrase):
    tables, digest = [], hashlib.sha256()
    with pyzipper.AESZipFile(path) as file:
        file.setpassword(passphrase.encode())
        for name in file.namelist():
            content = file.read(name)
            if name.endswith(".csv"):
                digest.update(content)
                rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
            else:
                rows = [[line] for line in content.decode("utf-8-sig").split("\r\n")]
            tables.append({"name": name, "rows": rows})
    return tables, digest.hexdigest()


def answer(path, passphrase):
    try:
        tables, digest = (workbook if path.endswith(".xlsx") else archive)(path, passphrase)
        return {"tables": tables, "digest": digest}
    except Exception as error:  # whatever a library raises: the file did not open
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([answer(**file) for file in json.load(sys.stdin)], sys.stdout)
