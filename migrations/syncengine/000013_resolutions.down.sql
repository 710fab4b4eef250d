DROP TABLE identity_resolutions;
