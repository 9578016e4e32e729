//! OTel SDK meters of the user and of other libraries join at collection.
