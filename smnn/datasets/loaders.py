"""Real sets that come with scikit-learn: iris, wine, breast cancer, digits."""

from __future__ import annotations

from .dataset import Dataset


def load_digits() -> Dataset:
    """Return handwritten digits: 1,797 pictures of 8 x 8 pixels, ten classes.

    Returns
    -------
    Dataset
        ``x`` has shape (1797, 64) with pixels from 0 to 1.  The source counts ink from 0
        to 16; it is divided by 16 here.

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998.

    Examples
    --------
    >>> from smnn import load_digits
    >>> digits = load_digits()
    >>> digits.x.shape, float(digits.x.max()), digits.y[:5]
    ((1797, 64), 1.0, array([0, 1, 2, 3, 4]))
    """
    digits = _from_scikit_learn("load_digits")
    return Dataset(digits.x / 16, digits.y, digits.feature_names, digits.class_names)


def load_iris() -> Dataset:
    """Return Fisher's iris: 150 flowers, four lengths in centimeters, three species.

    Returns
    -------
    Dataset
        ``x`` has shape (150, 4), as measured, with no scaling.

    References
    ----------
    R. A. Fisher, The use of multiple measurements in taxonomic problems, Annals of
    Eugenics 7, 1936.

    Examples
    --------
    >>> from smnn import load_iris
    >>> load_iris()
    Dataset(x: (150, 4) float64, y: (150,), classes: setosa, versicolor, virginica)
    """
    return _from_scikit_learn("load_iris")


def load_wine() -> Dataset:
    """Return wines of three growers: 178 bottles, thirteen chemical measurements.

    Returns
    -------
    Dataset
        ``x`` has shape (178, 13), as measured.  The columns differ in scale a thousandfold:
        standardize before you train.

    References
    ----------
    S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository, 1991.

    Examples
    --------
    >>> from smnn import load_wine
    >>> load_wine()
    Dataset(x: (178, 13) float64, y: (178,), classes: class_0, class_1, class_2)
    """
    return _from_scikit_learn("load_wine")


def load_breast_cancer() -> Dataset:
    """Return Breast cancer Wisconsin: 569 tumors, thirty measurements, two classes.

    Returns
    -------
    Dataset
        ``x`` has shape (569, 30), as measured: standardize before you train.  Class 0 is
        malignant, class 1 is benign.

    References
    ----------
    W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin
    (Diagnostic), UCI Machine Learning Repository, 1993.

    Examples
    --------
    >>> from smnn import load_breast_cancer
    >>> load_breast_cancer()
    Dataset(x: (569, 30) float64, y: (569,), classes: malignant, benign)
    """
    return _from_scikit_learn("load_breast_cancer")


def _from_scikit_learn(name):
    try:
        import sklearn.datasets
    except ImportError as error:
        raise ImportError(_needs("scikit-learn", name)) from error
    source = getattr(sklearn.datasets, name)()
    return Dataset(
        source.data,
        source.target,
        tuple(str(feature) for feature in source.feature_names),
        tuple(str(label) for label in source.target_names),
    )


def _needs(package, loader):
    return f'{loader} needs {package}: pip install "smnn[data]"'
