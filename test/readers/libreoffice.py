"""Opens exported files in LibreOffice and says what it shows.

Arguments: a folder for LibreOffice's settings. Standard input is a list of
{"path", "passphrase"}; standard output a list with one answer each:
{"tables": [{"name", "rows"}]} or {"error"}.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import uno
from com.sun.star.beans import PropertyValue

home = pathlib.Path(sys.argv[1])
csv.field_size_limit(1 << 20)


def properties(**values):
    return tuple(PropertyValue(Name=name, Value=value) for name, value in values.items())


def connect():
    """Waits until LibreOffice takes orders."""
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    until = time.monotonic() + 120
    while True:
        try:
            context = resolver.resolve(f"uno:pipe,name={home.name};urp;StarOffice.ComponentContext")
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        except Exception:
            if office.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.1)


# Commas, quotation marks, UTF-8, from line 1, every text quoted, cells as they are shown, and all sheets.
AS_SHOWN = "44,34,76,1,,0,true,true,true,false,false,-1"


def content(document):
    """Lets LibreOffice write each sheet as CSV: to ask it cell by cell takes a minute for 100,000."""
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder, "sheets.csv")
        document.storeToURL(target.as_uri(), properties(FilterName="Text - txt - csv (StarCalc)", FilterOptions=AS_SHOWN))
        tables = []
        for sheet in document.Sheets:
            with open(pathlib.Path(folder, f"sheets-{sheet.Name}.csv"), encoding="utf-8", newline="") as file:
                tables.append({"name": sheet.Name, "rows": list(csv.reader(file))})
        return tables


def answer(path, passphrase):
    try:
        document = desktop.loadComponentFromURL(
            pathlib.Path(path).as_uri(), "_blank", 0, properties(Hidden=True, Password=passphrase)
        )
        if document is None:
            return {"error": "LibreOffice does not open it"}
        try:
            return {"tables": content(document)}
        finally:
            document.close(True)
    except Exception as error:  # LibreOffice says in many ways that a file did not open
        return {"error": f"{type(error).__name__}: {error}"}


office = subprocess.Popen(
    ["soffice", "--headless", "--nologo", "--norestore", "--nodefault",
     f"-env:UserInstallation={home.as_uri()}", f"--accept=pipe,name={home.name};urp;"],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
try:
    desktop = connect()
    json.dump([answer(**file) for file in json.load(sys.stdin)], sys.stdout)
    try:
        desktop.terminate()
    except Exception:
        pass  # the connection ends with the program
    office.wait(30)
finally:
    office.kill()
